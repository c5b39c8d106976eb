SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."tax_matter" = 'abnormal_household'
    )
    AND (
      "t1"."from_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."to_date" IS NULL
      ) OR (
        "t1"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a0"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."tax_matter",
    "t0"."from_date",
    "t0"."to_date"
  FROM "tax_status" AS "t0"
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
    AND "t0"."tax_matter" = 'abnormal_household'
    AND "t0"."from_date" <= MAKE_DATE(2025, 6, 30)
    AND (
      (
        "t0"."to_date" IS NULL
      ) OR (
        "t0"."to_date" > MAKE_DATE(2025, 6, 30)
      )
    )
) AS "t1"
GROUP BY
  1
