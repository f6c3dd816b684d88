"""The queue of applications: counted, and shown in its order, without reading the rows that are not shown."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_streamer_application_status", table_name="streamer_application")
    op.create_index(
        "ix_streamer_application_queue",
        "streamer_application",
        ["status", "archived_at", "submitted_at", "id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_streamer_application_queue", table_name="streamer_application")
    op.create_index("ix_streamer_application_status", "streamer_application", ["status"], unique=False)
