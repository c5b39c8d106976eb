SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2024, 6, 30)
    )) AS "a0",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2022, 6, 30)
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
      ) AS BIGINT) * CASE "t1"."severity" WHEN 1 THEN 1 WHEN 2 THEN 3 WHEN 3 THEN 8 WHEN 4 THEN 20 ELSE 0 END
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a1",
  MAX(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2022, 6, 30)
      )
      THEN "t1"."severity"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a2",
  MAX(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2020, 6, 30)
      )
      THEN DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date")
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'food_drug'
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2022, 6, 30)
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
  ) AS "a4",
  SUM(
    CASE
      WHEN (
        "t1"."domain" = 'food_drug'
      )
      AND (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2022, 6, 30)
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
      ) AS BIGINT) * CASE "t1"."severity" WHEN 1 THEN 1 WHEN 2 THEN 3 WHEN 3 THEN 8 WHEN 4 THEN 20 ELSE 0 END
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a5",
  MAX(
    CASE
      WHEN (
        "t1"."domain" = 'food_drug'
      )
      AND (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2024, 6, 30)
      )
      THEN "t1"."severity"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a6"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."severity",
    "t0"."item",
    "t0"."domain"
  FROM "penalty" AS "t0"
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
    AND "t0"."severity" >= 1
    AND "t0"."item" <> 'G402'
    AND "t0"."event_date" > MAKE_DATE(2020, 6, 30)
) AS "t1"
GROUP BY
  1
