SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."finding_type" = 'equipment_uncertified_operator'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a0",
  SUM(
    CASE
      WHEN "t1"."finding_type" IN ('equipment_hazard', 'equipment_uncertified_operator')
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
  ) AS "a1",
  COUNT(*) FILTER(WHERE
    "t1"."finding_type" IN ('equipment_hazard', 'equipment_uncertified_operator')
    AND (
      "t1"."corrected" = 0
    )
    AND (
      DATE_DIFF('DAY', "t1"."found_date", MAKE_DATE(2025, 6, 30)) > 30
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a2"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."finding_type",
    "t0"."corrected",
    "t0"."found_date"
  FROM "inspection_finding" AS "t0"
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
