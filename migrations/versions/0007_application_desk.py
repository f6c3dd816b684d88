"""Applications that are talked about: steps, several private links, claims, templates of answers."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEMPLATES = (
    ("approve", "Welcome", "Welcome! Your channel {channel_name} is open at /c/{slug}."),
    ("ask", "More about the stream", "Please tell us a little more: what do you stream, how often, and for whom?"),
    ("ask", "Something to look at", "Please give us one or two links where we can see what you do."),
    (
        "reject",
        "Not a fit for now",
        "Thank you for applying. We cannot open this channel at the moment. You are welcome to apply again later.",
    ),
    (
        "reject",
        "Name too close to another",
        "The name or the address is too close to a channel that exists. Please apply again under another.",
    ),
)


APPLICATIONS = sa.table(
    "streamer_application",
    sa.column("id", sa.Integer()),
    sa.column("token_hash", sa.LargeBinary()),
    sa.column("status", sa.String()),
    sa.column("submitted_at", sa.DateTime(timezone=True)),
    sa.column("decided_at", sa.DateTime(timezone=True)),
    sa.column("decided_by_id", sa.Integer()),
    sa.column("revealed_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    # SQLite makes the table anew, and dropping the old one would take along whatever hangs on it: so this comes first.
    there = op.get_bind().execute(sa.select(APPLICATIONS)).all()
    with op.batch_alter_table("streamer_application", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "network_lookup",
                sa.LargeBinary(length=32),
                nullable=True,
                comment="keyed hash: finds others from the same network",
            )
        )
        batch_op.add_column(
            sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True, comment="out of the queue's sight")
        )
        batch_op.add_column(
            sa.Column(
                "erased_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="the row then says only that it was",
            )
        )
        batch_op.create_index(batch_op.f("ix_streamer_application_network_lookup"), ["network_lookup"], unique=False)
        batch_op.create_index(batch_op.f("ix_streamer_application_decided_at"), ["decided_at"], unique=False)
        batch_op.create_index("ix_streamer_application_submitted_at", ["submitted_at"], unique=False)
        batch_op.drop_constraint(op.f("uq_streamer_application_token_hash"), type_="unique")
        batch_op.drop_column("token_hash")

    links = op.create_table(
        "application_link",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the token in the link"),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["streamer_application.id"],
            name=op.f("fk_application_link_application_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_application_link")),
    )
    with op.batch_alter_table("application_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_application_link_application_id"), ["application_id"], unique=False)

    steps = op.create_table(
        "application_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.String(length=10), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True, comment="the admin; NULL: the applicant, or time"),
        sa.Column("seal_id", sa.String(length=32), nullable=True, comment="binds the sealed texts to this row"),
        sa.Column("told_sealed", sa.Text(), nullable=True, comment="what the applicant was told, or answered"),
        sa.Column("remark_sealed", sa.Text(), nullable=True, comment="what admins keep to themselves"),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["streamer_application.id"],
            name=op.f("fk_application_step_application_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_application_step_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_step")),
    )
    with op.batch_alter_table("application_step", schema=None) as batch_op:
        batch_op.create_index("ix_application_step_application_id_id", ["application_id", "id"], unique=False)

    op.create_table(
        "application_claim",
        sa.Column("application_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["account.id"], name=op.f("fk_application_claim_admin_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["streamer_application.id"],
            name=op.f("fk_application_claim_application_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_application_claim")),
    )
    with op.batch_alter_table("application_claim", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_application_claim_admin_id"), ["admin_id"], unique=False)

    templates = op.create_table(
        "reason_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="counts changes: of two who edit at once, the second is told",
        ),
        sa.Column("decision", sa.String(length=7), nullable=False, comment="approve, reject or ask"),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True, comment="NULL: came with Streamzy"),
        sa.CheckConstraint("decision IN ('approve', 'reject', 'ask')", name=op.f("ck_reason_template_decision")),
        sa.ForeignKeyConstraint(["changed_by_id"], ["account.id"], name=op.f("fk_reason_template_changed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reason_template")),
    )
    _add_templates(templates)
    _take_over(there, links, steps)


def _add_templates(templates: sa.Table) -> None:
    for decision, title, text in TEMPLATES:
        op.execute(
            templates.insert().values(
                version=1, decision=decision, title=title, text=text, changed_at=sa.func.current_timestamp()
            )
        )


def _take_over(there: Sequence[Any], links: sa.Table, steps: sa.Table) -> None:
    """The link that each application has, and the steps that its dates tell of."""
    op.bulk_insert(
        links,
        [{"token_hash": row.token_hash, "application_id": row.id, "created_at": row.submitted_at} for row in there],
    )
    for row in there:
        told = [(row.submitted_at, "received", None)]
        if row.decided_at is not None and row.status in ("approved", "rejected", "withdrawn"):
            told.append((row.decided_at, row.status, row.decided_by_id))
        if row.revealed_at is not None:
            told.append((row.revealed_at, "revealed", None))
        op.bulk_insert(
            steps, [{"application_id": row.id, "at": at, "step": step, "by_id": by} for at, step, by in told]
        )


def downgrade() -> None:
    links = sa.table(
        "application_link", sa.column("token_hash", sa.LargeBinary()), sa.column("application_id", sa.Integer())
    )
    there = op.get_bind().execute(sa.select(links)).all()
    for table in ("reason_template", "application_claim", "application_step", "application_link"):
        op.drop_table(table)
    with op.batch_alter_table("streamer_application", schema=None) as batch_op:
        batch_op.add_column(sa.Column("token_hash", sa.LargeBinary(length=32), nullable=True))
    for row in there:  # one link of each; those that have none are erased, and go
        change = APPLICATIONS.update().where(APPLICATIONS.c.id == row.application_id)
        op.execute(change.values(token_hash=row.token_hash))
    op.execute(APPLICATIONS.delete().where(APPLICATIONS.c.token_hash.is_(None)))
    with op.batch_alter_table("streamer_application", schema=None) as batch_op:
        batch_op.alter_column("token_hash", existing_type=sa.LargeBinary(length=32), nullable=False)
        batch_op.create_unique_constraint(op.f("uq_streamer_application_token_hash"), ["token_hash"])
        batch_op.drop_index("ix_streamer_application_submitted_at")
        batch_op.drop_index(batch_op.f("ix_streamer_application_decided_at"))
        batch_op.drop_index(batch_op.f("ix_streamer_application_network_lookup"))
        for column in ("erased_at", "archived_at", "network_lookup"):
            batch_op.drop_column(column)
