"""Messages by age in their channel: what is old enough to go is found without reading what stays."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_message_channel_id_sent_at", "message", ["channel_id", "sent_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_message_channel_id_sent_at", table_name="message")
