SELECT
  "t1"."entity",
  MAX(
    CASE
      WHEN (
        "t1"."scheme" = 'food'
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
      )
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        "t1"."grade_rank" + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."scheme" = 'food'
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
    )) AS "a1",
  MAX(
    CASE
      WHEN "t1"."scheme" = 'food'
      THEN DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date")
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a2"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."scheme",
    "t0"."from_date",
    "t0"."to_date",
    "t0"."grade_rank"
  FROM "sector_grade" AS "t0"
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
    AND "t0"."scheme" = 'food'
) AS "t1"
GROUP BY
  1
