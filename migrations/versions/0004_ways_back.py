"""Ways back and ways out: recovery codes, reset links, what somebody had not sent, deleted accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_recovery",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False, comment="HMAC-SHA256 of account and code"),
        sa.Column("data_key_id", sa.BigInteger(), nullable=False, comment="the key of the HMAC"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_recovery_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_recovery")),
    )
    op.create_table(
        "password_reset",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the link's token"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "revealed_to",
            sa.LargeBinary(length=32),
            nullable=True,
            comment="SHA-256 of a random value in that browser's cookie",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_password_reset_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_password_reset")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_password_reset_token_hash")),
    )
    op.create_table(
        "unsent_form",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False, comment="where it was going"),
        sa.Column("seal_id", sa.String(length=32), nullable=False, comment="binds the sealed text to this row"),
        sa.Column("fields_sealed", sa.Text(), nullable=False, comment="JSON; never passwords or codes"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_unsent_form_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_unsent_form")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "deleted_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="the row then stands for nobody: what others wrote back to must have an author",
            )
        )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_target_kind_target_id", ["target_kind", "target_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_target_kind_target_id")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_column("deleted_at")
    for table in ("unsent_form", "password_reset", "account_recovery"):
        op.drop_table(table)
