SELECT
  "t1"."entity",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."employees" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."employees" IS NOT NULL
    )) AS "a0",
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
    )) AS "a2",
  MAX("t1"."late_days") FILTER(WHERE
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
    )) AS "a3",
  MAX("t1"."all_zero") FILTER(WHERE
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
    )) AS "a4",
  MAX("t1"."inconsistent_items") FILTER(WHERE
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
    )) AS "a5",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."contact_valid" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."contact_valid" IS NOT NULL
    )) AS "a6",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."revenue" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."revenue" IS NOT NULL
    )) AS "a7",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."revenue_before" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."revenue_before" IS NOT NULL
    )) AS "a8",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."liabilities" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."liabilities" IS NOT NULL
    )) AS "a9",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."assets" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."assets" IS NOT NULL
    )) AS "a10",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."overdue_sme_payment" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    )
    AND (
      "t1"."overdue_sme_payment" IS NOT NULL
    )) AS "a11",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."guarantees" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."guarantees" IS NOT NULL
    )) AS "a12",
  MAX(
    (
      DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
    ) + (
      "t1"."equity" + 17592186044416
    )
  ) FILTER(WHERE
    (
      "t1"."event_date" IS NOT NULL
    ) AND (
      "t1"."equity" IS NOT NULL
    )) AS "a13"
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
    "t0"."due_date",
    "t0"."late_days",
    "t0"."all_zero",
    "t0"."inconsistent_items",
    "t0"."contact_valid",
    "t0"."revenue",
    "t0"."revenue_before",
    "t0"."liabilities",
    "t0"."assets",
    "t0"."overdue_sme_payment",
    "t0"."guarantees",
    "t0"."equity"
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
) AS "t1"
GROUP BY
  1
