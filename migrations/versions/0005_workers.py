"""Workers and their duties; how far the work on keys has come, and when each master key came."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("id", COUNTED, nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "key_ids",
            sa.Text(),
            nullable=False,
            comment="ids of the master keys it holds, newest first, with spaces between",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_worker_seen_at"), ["seen_at"], unique=False)
    op.create_table(
        "duty",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_by", sa.String(length=16), nullable=False, comment="random: one run of one worker"),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_duty")),
    )
    op.create_table(
        "key_work",
        sa.Column("id", COUNTED, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="master, messages or verification"),
        sa.Column("channel_id", sa.Integer(), nullable=False, comment="0: all of them"),
        sa.Column("total", sa.Integer(), nullable=False, comment="data keys, or messages"),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False, comment="messages that could not be verified"),
        sa.Column("rate", sa.Float(), nullable=False, comment="done in a second, lately"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_work")),
    )
    with op.batch_alter_table("key_work", schema=None) as batch_op:
        batch_op.create_index("ix_key_work_kind_id", ["kind", "id"], unique=False)
    master_key = op.create_table(
        "master_key",
        sa.Column("id", sa.String(length=8), nullable=False, comment="first 8 hex digits of its SHA-256"),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_master_key")),
    )
    data_key = sa.table(
        "data_key",
        sa.column("master_key_id", sa.String()),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    # As good as it can still be known.
    first_seen = sa.select(data_key.c.master_key_id, sa.func.min(data_key.c.created_at))
    op.execute(master_key.insert().from_select(["id", "first_seen_at"], first_seen.group_by(data_key.c.master_key_id)))


def downgrade() -> None:
    for table in ("master_key", "key_work", "duty", "worker"):
        op.drop_table(table)
