"""The home a store belongs to; numbers of inspections belong to the office that returns them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# a number was everybody's; it is now of the office of the key it came with, and was delivered as it was sent
NUMBERED = """UPDATE inspection_results SET told = record_key, org = coalesce(
    (SELECT api_keys.org FROM api_keys WHERE api_keys.number = inspection_results.key), '')"""


def upgrade() -> None:
    op.create_table(
        "owner",
        sa.Column("one", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("home", sa.String(length=32), nullable=False),
        sa.Column("called", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    with op.batch_alter_table("inspection_results") as table:
        table.add_column(sa.Column("org", sa.String(length=64), nullable=False, server_default=""))
        table.add_column(sa.Column("told", sa.String(length=200), nullable=False, server_default=""))
        table.drop_constraint("one_result_a_record_key", type_="unique")
    op.execute(NUMBERED)
    with op.batch_alter_table("inspection_results") as table:
        table.alter_column("org", existing_type=sa.String(length=64), server_default=None)
        table.alter_column("told", existing_type=sa.String(length=200), server_default=None)
        table.create_unique_constraint("one_result_a_number_of_an_office", ["org", "record_key"])
        table.create_unique_constraint("one_result_a_number_told", ["told"])


def downgrade() -> None:
    with op.batch_alter_table("inspection_results") as table:
        table.drop_constraint("one_result_a_number_told", type_="unique")
        table.drop_constraint("one_result_a_number_of_an_office", type_="unique")
        table.drop_column("told")
        table.drop_column("org")
        table.create_unique_constraint("one_result_a_record_key", ["record_key"])
    op.drop_table("owner")
