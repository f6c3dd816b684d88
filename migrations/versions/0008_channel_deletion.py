"""A channel whose deletion was begun: its keys are destroyed, its rows are still to be removed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "channel",
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="its keys are destroyed and its rows are being removed, this one last",
        ),
    )


def downgrade() -> None:
    op.drop_column("channel", "deleted_at")
