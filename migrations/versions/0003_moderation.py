"""Moderation: timeouts and bans, a channel's password and its rule against repeats, and news that carry details."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sanction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=7), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True, comment="NULL: for good"),
        sa.Column("seal_id", sa.String(length=32), nullable=True, comment="binds the sealed reason to this row"),
        sa.Column("reason_sealed", sa.Text(), nullable=True, comment="the person reads it too"),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind IN ('timeout', 'ban')", name=op.f("ck_sanction_kind")),
        sa.CheckConstraint("(kind = 'ban') = (until IS NULL)", name=op.f("ck_sanction_until")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sanction_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_sanction_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_sanction_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["lifted_by_id"], ["account.id"], name=op.f("fk_sanction_lifted_by_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanction")),
    )
    op.create_index("ix_sanction_account_id", "sanction", ["account_id"])
    op.create_index("ix_sanction_channel_id_account_id", "sanction", ["channel_id", "account_id"])
    # Added as columns, not by rebuilding the table: SQLite would delete what refers to the old one.
    op.add_column(
        "channel",
        sa.Column(
            "unique_messages",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="nobody says the same twice within 30 s",
        ),
    )
    op.add_column(
        "channel",
        sa.Column(
            "password_hash",
            sa.String(length=60),
            nullable=True,
            comment="bcrypt; who knows it becomes a member of the private channel",
        ),
    )
    op.add_column("announcement", sa.Column("details", sa.JSON(none_as_null=True), nullable=True))
    op.create_index("ix_message_channel_id_author_id_sent_at", "message", ["channel_id", "author_id", "sent_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("message", "deleted_at", comment="its body is sealed anew, with no text")


def downgrade() -> None:
    op.drop_index("ix_message_channel_id_author_id_sent_at", "message")
    op.drop_column("announcement", "details")
    op.drop_column("channel", "password_hash")
    op.drop_column("channel", "unique_messages")
    op.drop_table("sanction")
