SELECT
  "t1"."entity",
  COUNT(DISTINCT "t1"."period_end") FILTER(WHERE
    (
      "t1"."in_arrears" = 1
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2024, 6, 30)
    )
    AND (
      "t1"."period_end" IS NOT NULL
    )) AS "a0",
  SUM(
    CASE
      WHEN (
        "t1"."utility" = 'electricity'
      )
      AND (
        "t1"."usage_year_before" IS NOT NULL
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2024, 12, 30)
      )
      THEN "t1"."usage_year_before"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a1",
  SUM(
    CASE
      WHEN (
        "t1"."utility" = 'electricity'
      )
      AND (
        "t1"."usage_year_before" IS NOT NULL
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2024, 12, 30)
      )
      THEN "t1"."usage"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a2",
  MAX(
    CASE
      WHEN "t1"."event_date" > MAKE_DATE(2024, 12, 30)
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        "t1"."disconnected" + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."in_arrears",
    "t0"."period_end",
    "t0"."utility",
    "t0"."usage_year_before",
    "t0"."usage",
    "t0"."disconnected"
  FROM "utility_account" AS "t0"
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
    AND "t0"."event_date" > MAKE_DATE(2024, 6, 30)
) AS "t1"
GROUP BY
  1
