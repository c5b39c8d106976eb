SELECT
  "t1"."entity",
  SUM(
    CASE
      WHEN "t1"."result" IN ('unqualified', 'label_defect')
      AND (
        "t1"."responsible" = 1
      )
      AND (
        "t1"."field" = 'food'
      )
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
  ) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."field" = 'food'
    ) AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a1",
  COUNT(*) FILTER(WHERE
    (
      "t1"."field" = 'food'
    )
    AND (
      "t1"."result" = 'unqualified'
    )
    AND (
      "t1"."responsible" = 1
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2024, 6, 30)
    )) AS "a2",
  MAX(
    CASE
      WHEN (
        "t1"."field" = 'food'
      )
      AND (
        "t1"."result" = 'unqualified'
      )
      AND (
        "t1"."responsible" = 1
      )
      AND (
        "t1"."event_date" > MAKE_DATE(2022, 6, 30)
      )
      THEN "t1"."unqualified_items"
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
    "t0"."result",
    "t0"."responsible",
    "t0"."field",
    "t0"."unqualified_items"
  FROM "sampling_test" AS "t0"
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
    AND "t0"."field" = 'food'
    AND "t0"."event_date" > MAKE_DATE(2022, 6, 30)
) AS "t1"
GROUP BY
  1
