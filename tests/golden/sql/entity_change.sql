SELECT
  "t1"."entity",
  COUNT(DISTINCT "t1"."approved_date") FILTER(WHERE
    (
      "t1"."event_date" > MAKE_DATE(2024, 6, 30)
    )
    AND (
      "t1"."approved_date" IS NOT NULL
    )) AS "a0",
  COUNT(DISTINCT "t1"."change_item") FILTER(WHERE
    "t1"."change_item" IN ('name', 'legal_rep', 'operator', 'domicile', 'scope', 'capital', 'shareholders')
    AND (
      "t1"."event_date" > MAKE_DATE(2025, 4, 1)
    )
    AND (
      "t1"."change_item" IS NOT NULL
    )) AS "a1",
  MAX(
    CASE
      WHEN "t1"."event_date" > MAKE_DATE(2020, 6, 30)
      THEN DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date")
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a2",
  COUNT(*) FILTER(WHERE
    (
      "t1"."change_item" = 'legal_rep'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a3",
  COUNT(*) FILTER(WHERE
    (
      "t1"."change_item" = 'operator'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a4",
  COUNT(*) FILTER(WHERE
    (
      "t1"."change_item" = 'domicile'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a5",
  COUNT(*) FILTER(WHERE
    (
      "t1"."change_item" = 'domicile'
    )
    AND (
      "t1"."cross_county" = 1
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a6",
  COUNT(*) FILTER(WHERE
    (
      "t1"."change_item" = 'capital'
    )
    AND (
      "t1"."decrease_ratio" >= 1000
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a7",
  COUNT(*) FILTER(WHERE
    (
      "t1"."change_item" = 'shareholders'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a8"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."approved_date",
    "t0"."change_item",
    "t0"."cross_county",
    "t0"."decrease_ratio"
  FROM "entity_change" AS "t0"
  WHERE
    "t0"."known_at" < MAKE_TIMESTAMPTZ(2025, 6, 30, 16, 0, 0.0, 'UTC')
    AND (
      (
        "t0"."superseded_at" IS NULL
      )
      OR (
        "t0"."superseded_at" >= MAKE_TIMESTAMPTZ(2025, 6, 30, 16, 0, 0.0, 'UTC')
      )
    )
    AND "t0"."event_date" <= MAKE_DATE(2025, 6, 30)
    AND "t0"."withdrawn_date" IS NULL
    AND "t0"."repair_date" IS NULL
    AND "t0"."event_date" IS NOT NULL
) AS "t1"
GROUP BY
  1
