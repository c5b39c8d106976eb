SELECT
  "t1"."entity",
  SUM(
    CASE
      WHEN (
        "t1"."accepted" = 1
      )
      AND (
        "t1"."professional" = 0
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2024, 6, 30)
      )
      THEN CAST(FLOOR(
        (
          1048576.0 * (
            POWER(
              0.5,
              (
                CAST((
                  24306 - (
                    (
                      CAST(EXTRACT(year FROM "t1"."event_date") AS BIGINT) * 12
                    ) + CAST(EXTRACT(month FROM "t1"."event_date") AS BIGINT)
                  )
                ) - CAST(CAST(EXTRACT(day FROM "t1"."event_date") AS BIGINT) > 31 AS BIGINT) AS DOUBLE) / 6.0
              )
            )
          )
        ) + 0.5
      ) AS BIGINT)
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a0"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."accepted",
    "t0"."professional"
  FROM "complaint" AS "t0"
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
    AND "t0"."accepted" = 1
    AND "t0"."professional" = 0
    AND "t0"."event_date" > MAKE_DATE(2024, 6, 30)
) AS "t1"
GROUP BY
  1
