SELECT
  "t1"."entity",
  COUNT(DISTINCT "t1"."approved_date") FILTER(WHERE
    (
      "t1"."event_date" > MAKE_DATE(2024, 6, 30)
    )
    AND (
      "t1"."approved_date" IS NOT NULL
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."change_item" = 'operator'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a1"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."approved_date",
    "t0"."change_item"
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
    AND "t0"."event_date" > MAKE_DATE(2023, 6, 30)
) AS "t1"
GROUP BY
  1
