SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    "t1"."event_date" > MAKE_DATE(2023, 6, 30)) AS "a0",
  COUNT(*) FILTER(WHERE
    "t1"."origin" IN ('random_open', 'random_targeted', 'joint_random')
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a1",
  MAX(
    CASE
      WHEN "t1"."event_date" > MAKE_DATE(2020, 6, 30)
      THEN DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date")
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a2",
  SUM(
    CASE
      WHEN REGEXP_MATCHES("t1"."results", '\|(02|04|09|10|13|14)\|')
      AND (
        "t1"."event_date" > MAKE_DATE(2023, 6, 30)
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
                ) - CAST(CAST(EXTRACT(day FROM "t1"."event_date") AS BIGINT) > 31 AS BIGINT) AS DOUBLE) / 12.0
              )
            )
          )
        ) + 0.5
      ) AS BIGINT)
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."matters", '\|(special_equipment)\|')
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a4"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."origin",
    "t0"."results",
    "t0"."matters"
  FROM "inspection" AS "t0"
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
    AND "t0"."event_date" > MAKE_DATE(2020, 6, 30)
) AS "t1"
GROUP BY
  1
