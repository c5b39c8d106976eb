SELECT
  "t1"."entity",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        "t1"."employees" + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a0",
  COUNT(DISTINCT "t1"."year") FILTER(WHERE
    (
      "t1"."year" <= (
        (
          2025 - 1
        ) - CAST(630 <= 630 AS BIGINT)
      )
    )
    AND (
      "t1"."year" > (
        (
          (
            2025 - 1
          ) - CAST(630 <= 630 AS BIGINT)
        ) - 1
      )
    )
    AND (
      "t1"."filed_at" <= "t1"."due_date"
    )
    AND (
      "t1"."year" IS NOT NULL
    )) AS "a1",
  COUNT(DISTINCT "t1"."year") FILTER(WHERE
    (
      "t1"."year" <= (
        (
          2025 - 1
        ) - CAST(630 <= 630 AS BIGINT)
      )
    )
    AND (
      "t1"."year" > (
        (
          (
            2025 - 1
          ) - CAST(630 <= 630 AS BIGINT)
        ) - 3
      )
    )
    AND (
      "t1"."year" IS NOT NULL
    )) AS "a2"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."employees",
    "t0"."year",
    "t0"."filed_at",
    "t0"."due_date"
  FROM "annual_report" AS "t0"
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
