"""The first form of the store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("number", sa.String(length=8), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("org", sa.String(length=64), nullable=False),
        sa.Column("departments", sa.JSON(), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("networks", sa.JSON(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("created", sa.Date(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "disputes",
        sa.Column("dispute", sa.String(length=26), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("departments", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dispute"),
    )
    op.create_index("ix_disputes_entity", "disputes", ["entity"])
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("route", sa.String(length=40), nullable=False),
        sa.Column("given", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("headers", sa.JSON()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", "route", "given"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"])
    op.create_table(
        "inspection_results",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("record_key", sa.String(length=200), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("delivery", sa.String(length=80)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("record_key", name="one_result_a_record_key"),
    )
    op.create_index("ix_inspection_results_delivery", "inspection_results", ["delivery"])
    op.create_table(
        "jobs",
        sa.Column("job", sa.String(length=26), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
    op.create_index("ix_jobs_key", "jobs", ["key"])
    op.create_table(
        "loads",
        sa.Column("load", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("loaded", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("load"),
    )
    op.create_index("ix_loads_month", "loads", ["month"])
    op.create_table(
        "reads",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("day", "key", "entity"),
    )


def downgrade() -> None:
    for name in ("reads", "loads", "jobs", "inspection_results", "idempotency", "disputes", "api_keys"):
        op.drop_table(name)
