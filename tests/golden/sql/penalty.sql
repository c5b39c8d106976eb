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
  COUNT(*) FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a1",
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
        "t1"."event_date" > MAKE_DATE(2022, 6, 30)
      )
      THEN "t1"."severity"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3",
  MAX(
    CASE
      WHEN (
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
  ) AS "a4",
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
      THEN "t1"."fine"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a5",
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
      THEN "t1"."confiscated"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a6",
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
  ) AS "a7",
  COUNT(*) FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND (
      "t1"."violation_type" IS NOT NULL
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a8",
  COUNT(DISTINCT "t1"."violation_type") FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )
    AND (
      "t1"."violation_type" IS NOT NULL
    )) AS "a9",
  COUNT(*) FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND REGEXP_MATCHES("t1"."kinds", '\|(stop_business|restrict_business|seize_licence)\|')
    AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a10",
  COUNT(*) FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND REGEXP_MATCHES(
      "t1"."kinds",
      '\|(revoke_licence|revoke_business_licence|lower_grade|close|restrict_practice)\|'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a11",
  COUNT(*) FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND (
      DATE_DIFF('DAY', "t1"."fulfil_by", MAKE_DATE(2025, 6, 30)) > 0
    )
    AND (
      "t1"."fulfilled_date" IS NULL
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2020, 6, 30)
    )) AS "a12",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."authority_province" <> '36'
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
  ) AS "a13",
  SUM(
    CASE
      WHEN (
        "t1"."item" = 'G402'
      ) AND (
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
  ) AS "a14",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'ip_counterfeit'
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
  ) AS "a15",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'price'
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
  ) AS "a16",
  COUNT(*) FILTER(WHERE
    (
      "t1"."severity" >= 1
    )
    AND (
      "t1"."item" <> 'G402'
    )
    AND "t1"."violation_type" IN ('monopoly_agreement', 'dominance_abuse', 'concentration')
    AND (
      "t1"."event_date" > MAKE_DATE(2020, 6, 30)
    )) AS "a17",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND "t1"."violation_type" IN ('false_promotion', 'confusion', 'bribery', 'trade_secret', 'pyramid_selling')
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
  ) AS "a18",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."violation_type" = 'advertising'
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
  ) AS "a19",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'consumer'
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
  ) AS "a20",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."violation_type" = 'network_trade'
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
  ) AS "a21",
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
  ) AS "a22",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'industrial_product'
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
  ) AS "a23",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'metrology'
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
  ) AS "a24",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'testing'
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
  ) AS "a25",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'ecology'
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
  ) AS "a26",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'transport'
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
  ) AS "a27",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'culture'
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
  ) AS "a28",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'agriculture'
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
  ) AS "a29",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'emergency'
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
  ) AS "a30",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'fire'
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
  ) AS "a31",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'construction'
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
  ) AS "a32",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'health'
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
  ) AS "a33",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'statistics'
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
  ) AS "a34",
  SUM(
    CASE
      WHEN (
        "t1"."severity" >= 1
      )
      AND (
        "t1"."item" <> 'G402'
      )
      AND (
        "t1"."domain" = 'fiscal'
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
  ) AS "a35"
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
    "t0"."fine",
    "t0"."confiscated",
    "t0"."violation_type",
    "t0"."kinds",
    "t0"."fulfil_by",
    "t0"."fulfilled_date",
    "t0"."authority_province",
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
    AND "t0"."event_date" > MAKE_DATE(2020, 6, 30)
) AS "t1"
GROUP BY
  1
