SELECT
  "t1"."entity",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."legal_form"
          WHEN '1100'
          THEN 0
          WHEN '1110'
          THEN 1
          WHEN '1130'
          THEN 2
          WHEN '1140'
          THEN 3
          WHEN '1150'
          THEN 4
          WHEN '1151'
          THEN 5
          WHEN '1152'
          THEN 6
          WHEN '1153'
          THEN 7
          WHEN '1190'
          THEN 8
          WHEN '1200'
          THEN 9
          WHEN '2000'
          THEN 10
          WHEN '3000'
          THEN 11
          WHEN '4530'
          THEN 12
          WHEN '4550'
          THEN 13
          WHEN '5000'
          THEN 14
          WHEN '6000'
          THEN 15
          WHEN '7000'
          THEN 16
          WHEN '9100'
          THEN 17
          WHEN '9200'
          THEN 18
          WHEN '9500'
          THEN 19
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a0",
  COUNT(*) FILTER(WHERE
    "t1"."is_branch" = 1) AS "a1",
  MIN(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."est_date")
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a2",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        "t1"."scope_licensed_items" + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a3",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        "t1"."reg_capital" + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a4",
  MAX(
    CASE
      WHEN "t1"."event_date" IS NOT NULL
      THEN (
        DATE_DIFF('DAY', MAKE_DATE(1970, 1, 1), "t1"."event_date") * 35184372088832
      ) + (
        CASE "t1"."industry_section"
          WHEN 'A'
          THEN 0
          WHEN 'B'
          THEN 1
          WHEN 'C'
          THEN 2
          WHEN 'D'
          THEN 3
          WHEN 'E'
          THEN 4
          WHEN 'F'
          THEN 5
          WHEN 'G'
          THEN 6
          WHEN 'H'
          THEN 7
          WHEN 'I'
          THEN 8
          WHEN 'J'
          THEN 9
          WHEN 'K'
          THEN 10
          WHEN 'L'
          THEN 11
          WHEN 'M'
          THEN 12
          WHEN 'N'
          THEN 13
          WHEN 'O'
          THEN 14
          WHEN 'P'
          THEN 15
          WHEN 'Q'
          THEN 16
          WHEN 'R'
          THEN 17
          WHEN 'S'
          THEN 18
          WHEN 'T'
          THEN 19
          ELSE NULL
        END + 17592186044416
      )
      ELSE CAST(NULL AS BIGINT)
    END
  ) AS "a5",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(food_production)\|')) AS "a6",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(food_operation)\|')) AS "a7",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(drug_operation)\|')) AS "a8",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(device_operation)\|')) AS "a9",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(special_equipment_production)\|')) AS "a10",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(industrial_product)\|')) AS "a11",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(hazardous_chemicals)\|')) AS "a12",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(road_transport)\|')) AS "a13",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(medical_institution)\|')) AS "a14",
  COUNT(*) FILTER(WHERE
    REGEXP_MATCHES("t1"."licences_required", '\|(human_resources)\|')) AS "a15",
  COUNT(*) FILTER(WHERE
    "t1"."status" = 'revoked') AS "a16"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."legal_form",
    "t0"."is_branch",
    "t0"."est_date",
    "t0"."scope_licensed_items",
    "t0"."reg_capital",
    "t0"."industry_section",
    "t0"."licences_required",
    "t0"."status"
  FROM "entity" AS "t0"
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
