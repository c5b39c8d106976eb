SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    "t1"."responsibility" IN ('minor', 'main', 'full')
    AND "t1"."accident_kind" IN ('special_equipment', 'food_safety', 'drug_safety')
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."accident_kind" = 'drug_safety'
    )
    AND "t1"."responsibility" IN ('minor', 'main', 'full')
    AND (
      "t1"."event_date" > MAKE_DATE(2020, 6, 30)
    )) AS "a1"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."responsibility",
    "t0"."accident_kind"
  FROM "accident" AS "t0"
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
    AND "t0"."responsibility" IN ('minor', 'main', 'full')
    AND "t0"."event_date" > MAKE_DATE(2020, 6, 30)
) AS "t1"
GROUP BY
  1
