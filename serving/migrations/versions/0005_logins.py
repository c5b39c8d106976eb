"""Persons who come in by a portal, and logins there that were used up."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("issuer", sa.String(length=200), nullable=True))
    op.add_column("api_keys", sa.Column("login", sa.String(length=255), nullable=True))
    op.create_index(
        "ix_api_keys_login",
        "api_keys",
        ["issuer", "login"],
        unique=True,
        sqlite_where=sa.text("revoked IS NULL"),
        postgresql_where=sa.text("revoked IS NULL"),
    )
    op.create_table(
        "logins",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("ix_logins_ends", "logins", ["ends"])


def downgrade() -> None:
    op.drop_table("logins")
    op.drop_index("ix_api_keys_login", "api_keys")
    op.drop_column("api_keys", "login")
    op.drop_column("api_keys", "issuer")
