"""A stream beside the chat, how long messages are kept, and whether a new streamer was shown around."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added as columns, not by rebuilding the table: SQLite would delete what refers to the old one.
    op.add_column(
        "channel",
        sa.Column(
            "stream_url",
            sa.String(length=300),
            nullable=True,
            comment="where the stream plays, as its streamer typed it",
        ),
    )
    op.add_column(
        "channel",
        sa.Column(
            "retention_days",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="messages older than this are deleted; 0: the instance's rule alone",
        ),
    )
    op.add_column(
        "channel",
        sa.Column(
            "introduced_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when its streamer was through with the first steps, or skipped them",
        ),
    )


def downgrade() -> None:
    op.drop_column("channel", "introduced_at")
    op.drop_column("channel", "retention_days")
    op.drop_column("channel", "stream_url")
