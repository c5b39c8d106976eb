SELECT
  "t1"."entity",
  MAX(
    CASE
      WHEN (
        "t1"."tax_matter" = 'zero_filing'
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
      THEN "t1"."zero_months"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."tax_matter" = 'abnormal_household'
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
      WHEN (
        "t1"."tax_matter" = 'credit_grade'
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
        CASE "t1"."grade"
          WHEN 'A'
          THEN 0
          WHEN 'B'
          THEN 1
          WHEN 'M'
          THEN 2
          WHEN 'C'
          THEN 3
          WHEN 'D'
          THEN 4
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a2",
  SUM(
    CASE
      WHEN (
        "t1"."tax_matter" = 'arrears'
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
      THEN "t1"."amount"
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3",
  COUNT(*) FILTER(WHERE
    "t1"."tax_matter" IN ('lost_contact', 'abnormal_invoice')
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
    "t0"."tax_matter",
    "t0"."from_date",
    "t0"."to_date",
    "t0"."zero_months",
    "t0"."grade",
    "t0"."amount"
  FROM "tax_status" AS "t0"
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
