"""The first schema: it already carries what would be costly to add later."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column(
            "username_key",
            sa.String(length=64),
            nullable=False,
            comment="the name in lower case: signing in minds no case",
        ),
        sa.Column(
            "password_hash", sa.String(length=60), nullable=True, comment="bcrypt; NULL until a password was revealed"
        ),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'streamer', 'admin')", name=op.f("ck_account_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
        sa.UniqueConstraint("username_key", name=op.f("uq_account_username_key")),
    )
    op.create_table(
        "announcement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("channel_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
    )
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_announcement_created_at"), ["created_at"], unique=False)

    op.create_table(
        "audit_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="counts up by one: a hole is a deletion",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("target_kind", sa.String(length=20), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.String(length=64), nullable=True, comment="personal: may be erased"),
        sa.Column("ip", sa.String(length=64), nullable=True, comment="personal: may be erased"),
        sa.Column("user_agent", sa.String(length=256), nullable=True, comment="personal: may be erased"),
        sa.Column("target_name", sa.String(length=64), nullable=True, comment="personal: may be erased"),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=True, comment="personal: may be erased"),
        sa.Column(
            "salt",
            sa.LargeBinary(length=16),
            nullable=True,
            comment="of the personal fields' digest; NULL once they are erased",
        ),
        sa.Column(
            "personal_digest",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="SHA-256 of salt and personal fields: stays when they go",
        ),
        sa.Column("data_key_id", sa.BigInteger(), nullable=False, comment="the key of the chain's HMAC"),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "hash",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="HMAC-SHA256 over this row and the hash before it",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_actor_id", ["actor_id"], unique=False)
        batch_op.create_index("ix_audit_event_at", ["at"], unique=False)
        batch_op.create_index("ix_audit_event_event_at", ["event", "at"], unique=False)

    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    # The chain begins here. Appending locks this row, so it must be there before the first event.
    op.bulk_insert(head, [{"id": 1, "last_id": 0, "last_hash": bytes(32)}])
    op.create_table(
        "data_key",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "purpose",
            sa.String(length=20),
            nullable=False,
            comment="what is sealed with it: messages, applications, audit, ...",
        ),
        sa.Column(
            "channel_id",
            sa.Integer(),
            nullable=False,
            comment="0: the instance's own. No foreign key: a key may outlive a channel",
        ),
        sa.Column("period", sa.String(length=7), nullable=False, comment="YYYY-MM, or '' for all time"),
        sa.Column("wrapped", sa.Text(), nullable=True, comment="under the master key; NULL once destroyed"),
        sa.Column(
            "master_key_id",
            sa.String(length=8),
            nullable=False,
            comment="first 8 hex digits of the master key's SHA-256",
        ),
        sa.Column(
            "state",
            sa.String(length=9),
            nullable=False,
            comment="active seals and opens, retired opens, destroyed does neither",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('active', 'retired', 'destroyed')", name=op.f("ck_data_key_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_key")),
    )
    with op.batch_alter_table("data_key", schema=None) as batch_op:
        batch_op.create_index("ix_data_key_master_key_id", ["master_key_id"], unique=False)
        batch_op.create_index(
            "uq_data_key_active",
            ["purpose", "channel_id", "period"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )

    op.create_table(
        "taken_name",
        sa.Column("key", sa.String(length=64), nullable=False, comment="the name's appearance, see appearance()"),
        sa.Column(
            "held_by",
            sa.String(length=11),
            nullable=False,
            comment="account, channel or application (which only reserves it)",
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_taken_name")),
    )
    op.create_table(
        "channel",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False, comment="one house rule a line"),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("access", sa.String(length=8), nullable=False, comment="who may read: public, accounts or private"),
        sa.Column("members_only", sa.Boolean(), nullable=False, comment="only members may write"),
        sa.Column("slow_mode_seconds", sa.Integer(), nullable=False),
        sa.Column("live_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "last_message_id",
            sa.BigInteger(),
            nullable=False,
            comment="messages are counted by the transaction that inserts them",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("access IN ('public', 'accounts', 'private')", name=op.f("ck_channel_access")),
        sa.ForeignKeyConstraint(["owner_id"], ["account.id"], name=op.f("fk_channel_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("owner_id", name=op.f("uq_channel_owner_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_channel_slug")),
    )
    op.create_table(
        "sign_in_tries",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False, comment="'' for browsers that never signed in here"),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sign_in_tries_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "device", name=op.f("pk_sign_in_tries")),
    )
    op.create_table(
        "streamer_application",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="counts changes: a decision names the state it looked at"
        ),
        sa.Column(
            "reference", sa.String(length=13), nullable=False, comment="what people say on the phone: APP-7Q4M-2K9X"
        ),
        sa.Column(
            "token_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the status link's token"
        ),
        sa.Column("seal_id", sa.String(length=32), nullable=False, comment="binds the sealed texts to this row"),
        sa.Column("status", sa.String(length=17), nullable=False),
        sa.Column("slug", sa.String(length=32), nullable=False),
        sa.Column("channel_name", sa.String(length=80), nullable=False),
        sa.Column("email_sealed", sa.Text(), nullable=False),
        sa.Column(
            "email_lookup",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="keyed hash: finds other applications of a contact",
        ),
        sa.Column("about_sealed", sa.Text(), nullable=False),
        sa.Column("links_sealed", sa.Text(), nullable=True),
        sa.Column("reason_sealed", sa.Text(), nullable=True),
        sa.Column("note_sealed", sa.Text(), nullable=True),
        sa.Column("applicant_id", sa.Integer(), nullable=True, comment="who was signed in when applying"),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True, comment="the streamer that approval made"),
        sa.Column("reveal_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "revealed_to",
            sa.LargeBinary(length=32),
            nullable=True,
            comment="SHA-256 of a random value in that browser's cookie",
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'needs_information', 'approved', 'rejected', 'withdrawn', 'expired')",
            name=op.f("ck_streamer_application_status"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_streamer_application_account_id")),
        sa.ForeignKeyConstraint(["applicant_id"], ["account.id"], name=op.f("fk_streamer_application_applicant_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["account.id"], name=op.f("fk_streamer_application_decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_streamer_application")),
        sa.UniqueConstraint("reference", name=op.f("uq_streamer_application_reference")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_streamer_application_token_hash")),
    )
    with op.batch_alter_table("streamer_application", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_streamer_application_email_lookup"), ["email_lookup"], unique=False)
        batch_op.create_index(batch_op.f("ix_streamer_application_status"), ["status"], unique=False)

    op.create_table(
        "user_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the 64-byte token"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False, comment="last request or socket event"),
        sa.Column(
            "last_active_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="last sign of the person, pings not counted",
        ),
        sa.Column(
            "confirmed_at", sa.DateTime(timezone=True), nullable=False, comment="when the password was last given"
        ),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=256), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_user_session_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_user_session_token_hash")),
    )
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_session_account_id"), ["account_id"], unique=False)

    op.create_table(
        "channel_member",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=9), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('member', 'moderator')", name=op.f("ck_channel_member_role")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_channel_member_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_channel_member_channel_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "account_id", name=op.f("pk_channel_member")),
    )
    with op.batch_alter_table("channel_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_channel_member_account_id"), ["account_id"], unique=False)

    op.create_table(
        "message",
        sa.Column("channel_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False, comment="from channel.last_message_id"),
        sa.Column("random_id", sa.LargeBinary(length=16), nullable=False, comment="binds the body to this row"),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False, comment="the client's own id: a retry stores nothing"),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="Fernet token over version, random id, channel, author and text",
        ),
        sa.Column("data_key_id", sa.BigInteger(), nullable=False),
        sa.Column("reply_to", sa.BigInteger(), nullable=True, comment="id of an earlier message of the channel"),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind IN ('text', 'me')", name=op.f("ck_message_kind")),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_message_author_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], name=op.f("fk_message_channel_id")),
        sa.ForeignKeyConstraint(["data_key_id"], ["data_key.id"], name=op.f("fk_message_data_key_id")),
        sa.ForeignKeyConstraint(["deleted_by_id"], ["account.id"], name=op.f("fk_message_deleted_by_id")),
        sa.PrimaryKeyConstraint("channel_id", "id", name=op.f("pk_message")),
        sa.UniqueConstraint("channel_id", "author_id", "nonce", name=op.f("uq_message_channel_id_author_id_nonce")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_data_key_id"), ["data_key_id"], unique=False)


def downgrade() -> None:
    for table in (
        "message",
        "channel_member",
        "user_session",
        "streamer_application",
        "sign_in_tries",
        "channel",
        "taken_name",
        "data_key",
        "audit_head",
        "audit_event",
        "announcement",
        "account",
    ):
        op.drop_table(table)
