SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    "t1"."honour_kind" IN ('quality_award', 'tech_enterprise', 'commendation', 'famous_brand')
    AND (
      "t1"."event_date" > MAKE_DATE(2020, 6, 30)
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    "t1"."honour_kind" IN ('tax_grade_a', 'contract_keeping', 'red_list', 'customs_aeo')
    AND (
      "t1"."granted_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a1"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."honour_kind",
    "t0"."granted_date",
    "t0"."valid_to"
  FROM "honour" AS "t0"
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
