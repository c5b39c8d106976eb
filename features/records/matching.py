"""Which entity a row belongs to: by code, then registration number, then name and region, never on a guess."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from features.records.identity import regnos_hold
from features.records.terms import CONTENT_ACTIONS

REGISTER_TYPE = "entity"
REGISTER_SCHEMA = pl.Schema(
    [
        ("entity", pl.Int32()),
        ("identity", pl.String()),
        ("code", pl.String()),
        ("regno", pl.String()),
        ("name", pl.String()),
        ("region", pl.String()),
        ("named_at", pl.Datetime("us", "UTC")),
        ("named_on", pl.Date()),
    ]
)
ALIAS_SCHEMA = pl.Schema(
    [("kind", pl.String()), ("value", pl.String()), ("region", pl.String()), ("entity", pl.Int32())]
)
_HOLDS = "regno_holds"
_OF_PARENT = ("entity", "identity", "parent_event_date")


@dataclass(frozen=True)
class Register:
    """Entities by their key 0…n−1, and every number and name they were ever registered under."""

    entities: pl.DataFrame
    aliases: pl.DataFrame
    checks_numbers: bool

    def matched(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with ``entity`` and ``identity`` added; both null where no entity, or more than one, fits.

        A weaker sign never contradicts a stronger one: a row whose code is unknown belongs to no entity that has
        another code, and a row without a code whose number fails its check digit to none at all.
        """
        rows = rows.with_row_index("_row").with_columns(self._holds(rows).alias(_HOLDS))
        rows = rows.join(self._coded(rows), on="code", how="left", maintain_order="left")
        found = rows["by_code"]
        open_rows = rows.filter(pl.col("by_code").is_null())
        if open_rows.height:
            guesses = self._by_weaker_signs(open_rows)
            found = (
                rows.join(guesses, on="_row", how="left", maintain_order="left")
                .select(pl.coalesce("by_code", "by_sign"))
                .to_series()
            )
        identities = self.entities["identity"].gather(found)
        return rows.drop("_row", _HOLDS, "by_code").with_columns(
            found.cast(pl.Int32).alias("entity"), identities.alias("identity")
        )

    def _holds(self, rows: pl.DataFrame) -> pl.Series:
        return regnos_hold(rows["regno"]) if self.checks_numbers else rows["regno"].is_not_null()

    def _by_weaker_signs(self, rows: pl.DataFrame) -> pl.DataFrame:
        number = pl.when(pl.col(_HOLDS)).then("regno")
        rows = rows.with_columns(number.alias("_number"))
        numbers, names = self._numbers(rows["_number"]), self._names(rows)
        rows = rows.join(numbers, left_on="_number", right_on="value", how="left", maintain_order="left")
        rows = rows.join(
            names, left_on=["name", "region"], right_on=["value", "region"], how="left", maintain_order="left"
        )
        rows = rows.with_columns(self._has_number.gather(rows["by_name"]).alias("_is_numbered"))
        has_no_number = pl.col("regno").is_null()
        is_free = pl.col("_number").is_not_null() & pl.col("_is_numbered").not_()
        by_name = pl.when(has_no_number | is_free).then("by_name")
        rows = rows.with_columns(pl.coalesce("by_number", by_name).alias("by_sign"))
        has_code = self._has_code.gather(rows["by_sign"])
        contradicts = pl.col("code").is_not_null() & has_code.fill_null(False)
        return rows.select("_row", pl.when(contradicts.not_()).then("by_sign").alias("by_sign"))

    def _coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The entities that have the codes of some rows: a few rows are looked up without a table of everybody."""
        found = self.entities.lazy().select("code", pl.col("entity").alias("by_code"))
        return found.join(rows.lazy().select("code"), on="code", how="semi").collect()

    @cached_property
    def _has_code(self) -> pl.Series:
        return self.entities["code"].is_not_null()

    def _numbers(self, values: pl.Series) -> pl.DataFrame:
        """Of some numbers those that are one entity's alone."""
        wanted = values.to_frame("value").lazy()
        found = self.aliases.lazy().filter(pl.col("kind") == "regno").join(wanted, on="value", how="semi")
        return _unique(found.collect(), ["value"], "by_number")

    def _names(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Of the names of some rows, each in its region, those that are one entity's alone."""
        wanted = rows.lazy().select(value="name", region="region")
        found = self.aliases.lazy().filter(pl.col("kind") == "name").join(wanted, on=["value", "region"], how="semi")
        return _unique(found.collect(), ["value", "region"], "by_name")

    @cached_property
    def _has_number(self) -> pl.Series:
        """By entity key, whether any number of it is known."""
        held = self.aliases.filter(pl.col("kind") == "regno")["entity"].unique()
        return pl.Series([False]).new_from_index(0, self.entities.height).scatter(held, values=True)

    def extended(self, rows: pl.DataFrame) -> "Register":
        """The register with the entities that rows of the register's record type bring, and their latest names.

        ``rows`` have ``seq`` (order of appearance), identity columns, ``known_at`` and ``event_date``. New entities
        are numbered in order of first appearance; an entity known by its old number alone takes the code that comes
        with this number.
        """
        rows = rows.filter(pl.col("action").is_in(list(CONTENT_ACTIONS)))
        rows = rows.with_columns(pl.when(self._holds(rows)).then("regno").alias("regno"))
        adopted = self._adopting(rows)
        grown = adopted._grown(rows)
        return grown._named(grown.matched(rows))

    def _adopting(self, rows: pl.DataFrame) -> "Register":
        fresh = rows.filter(pl.col("code").is_not_null(), pl.col("regno").is_not_null())
        fresh = fresh.join(self._coded(fresh), on="code", how="anti")
        numbers = self._numbers(fresh["regno"]).rename({"by_number": "entity"})
        pairs = fresh.select("code", "regno").unique().join(numbers, left_on="regno", right_on="value")
        codeless = self.entities.filter(pl.col("code").is_null()).select("entity")
        pairs = pairs.join(codeless, on="entity", how="semi").select("code", "entity").unique()
        pairs = pairs.filter(pl.len().over("code") == 1, pl.len().over("entity") == 1)
        entities = self.entities.join(pairs.rename({"code": "_code"}), on="entity", how="left", maintain_order="left")
        entities = entities.with_columns(pl.coalesce("code", "_code").alias("code")).drop("_code")
        return Register(entities, self.aliases, self.checks_numbers)

    def _grown(self, rows: pl.DataFrame) -> "Register":
        coded = rows.filter(pl.col("code").is_not_null())
        by_code = coded.join(self._coded(coded), on="code", how="anti")
        new = by_code.group_by("code").agg(pl.col("seq").min()).with_columns(identity=pl.col("code"))
        by_number = rows.filter(pl.col("code").is_null() & pl.col("regno").is_not_null())
        held = self.aliases.lazy().filter(pl.col("kind") == "regno").select(regno="value")
        taken = pl.concat([held.join(by_number.lazy(), on="regno", how="semi"), coded.lazy().select("regno")])
        by_number = by_number.join(taken.collect(), on="regno", how="anti").group_by("regno").agg(pl.col("seq").min())
        numbered = by_number.select(
            pl.lit(None, dtype=pl.String).alias("code"), "seq", ("regno:" + pl.col("regno")).alias("identity")
        )
        fresh = pl.concat([new.select("code", "seq", "identity"), numbered]).sort("seq", "identity")
        first = self.entities.height
        fresh = fresh.with_row_index("entity", offset=first).cast({"entity": pl.Int32})
        entities = pl.concat([self.entities, fresh.drop("seq")], how="diagonal")
        new_numbers = fresh.filter(pl.col("code").is_null()).select(
            kind=pl.lit("regno"),
            value=pl.col("identity").str.strip_prefix("regno:"),
            region=pl.lit(None, dtype=pl.String),
            entity=pl.col("entity"),
        )
        return Register(entities, pl.concat([self.aliases, new_numbers]), self.checks_numbers)

    def _named(self, rows: pl.DataFrame) -> "Register":
        rows = rows.filter(pl.col("entity").is_not_null())
        numbers = rows.filter(pl.col("regno").is_not_null()).select(
            kind=pl.lit("regno"), value="regno", region=pl.lit(None, dtype=pl.String), entity="entity"
        )
        names = rows.filter(pl.col("name").is_not_null() & pl.col("region").is_not_null()).select(
            kind=pl.lit("name"), value="name", region="region", entity="entity"
        )
        told = pl.concat([numbers, names]).unique()
        known = self.aliases.join(told, on=told.columns, how="semi", nulls_equal=True)
        news = told.join(known, on=told.columns, how="anti", nulls_equal=True).sort(told.columns)
        aliases = pl.concat([self.aliases, news])
        said = rows.select(
            "entity", "regno", "name", "region", named_at=pl.col("known_at"), named_on=pl.col("event_date")
        )
        columns = ["regno", "name", "region"]
        earlier = self.entities.select(said.columns)
        latest = (
            pl.concat([earlier.join(said, on="entity", how="semi"), said])
            .sort("named_at", "named_on", *columns, nulls_last=False)
            .group_by("entity")
            .agg(pl.col(*columns).drop_nulls().last(), pl.col("named_at", "named_on").last())
        )
        entities = self.entities.update(latest, on="entity", how="left")
        return Register(entities, aliases, self.checks_numbers)


def _unique(aliases: pl.DataFrame, by: list[str], name: str) -> pl.DataFrame:
    found = aliases.group_by(by).agg(pl.col("entity").first().alias(name), pl.col("entity").n_unique().alias("_n"))
    return found.filter(pl.col("_n") == 1).drop("_n")


def matched_by_parent(rows: pl.DataFrame, parents: pl.DataFrame, field: str) -> pl.DataFrame:
    """Rows with ``entity`` and ``identity`` of the record they belong to; null where none, or several entities', fits.

    ``parents`` has ``key`` (as text), ``entity``, ``identity``, ``code`` and ``parent_event_date``, which the rows get
    too. A row that brings a code is matched within that entity's records.
    """
    distinct = parents.unique(["key", "entity"])
    alone = distinct.filter(pl.len().over("key") == 1).select("key", *_OF_PARENT)
    rows = rows.with_columns(pl.col(field).cast(pl.String).alias("_key"))
    plain = rows.join(alone, left_on="_key", right_on="key", how="left", maintain_order="left")
    named = rows.select("_key", "code").join(
        distinct, left_on=["_key", "code"], right_on=["key", "code"], how="left", maintain_order="left"
    )
    has_code = pl.col("code").is_not_null()
    return plain.with_columns(
        pl.when(has_code).then(named[column]).otherwise(column).alias(column) for column in _OF_PARENT
    ).drop("_key")
