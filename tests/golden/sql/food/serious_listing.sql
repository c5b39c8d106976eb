SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."list_code" = 'market_regulation'
    )
    AND (
      "t1"."in_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."out_date" IS NULL
      ) OR (
        "t1"."out_date" > MAKE_DATE(2025, 6, 30)
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
    "t0"."list_code",
    "t0"."in_date",
    "t0"."out_date"
  FROM "serious_listing" AS "t0"
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
    AND "t0"."list_code" = 'market_regulation'
    AND "t0"."in_date" <= MAKE_DATE(2025, 6, 30)
    AND (
      (
        "t0"."out_date" IS NULL
      ) OR (
        "t0"."out_date" > MAKE_DATE(2025, 6, 30)
      )
    )
) AS "t1"
GROUP BY
  1
