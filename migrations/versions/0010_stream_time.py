"""When each channel's stream was on: a transcript says how far into it something was said."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    times = op.create_table(
        "stream_time",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "until", sa.DateTime(timezone=True), nullable=True, comment="NULL: it is on, or nobody said when it ended"
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_stream_time_channel_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_time")),
    )
    op.create_index("ix_stream_time_channel_id_since", "stream_time", ["channel_id", "since"], unique=False)
    channel = sa.table("channel", sa.column("id"), sa.column("live_since"))
    on_now = sa.select(channel.c.id, channel.c.live_since).where(channel.c.live_since.is_not(None))
    op.execute(sa.insert(times).from_select(["channel_id", "since"], on_now))


def downgrade() -> None:
    op.drop_table("stream_time")
