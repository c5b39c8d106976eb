SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."notice_type" = 'suspension'
    )
    AND (
      DATE_DIFF('DAY', "t1"."end_date", MAKE_DATE(2025, 6, 30)) > 0
    )
    AND (
      "t1"."closed_date" IS NULL
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    (
      "t1"."notice_type" = 'simple_deregistration'
    )
    AND "t1"."result" IN ('objected', 'refused')
    AND (
      "t1"."event_date" > MAKE_DATE(2023, 6, 30)
    )) AS "a1",
  COUNT(*) FILTER(WHERE
    "t1"."notice_type" IN ('liquidation', 'deregistration', 'simple_deregistration')
    AND (
      "t1"."start_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."end_date" IS NULL
      ) OR (
        "t1"."end_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a2",
  COUNT(*) FILTER(WHERE
    (
      "t1"."notice_type" = 'false_registration'
    )
    AND (
      "t1"."start_date" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."end_date" IS NULL
      ) OR (
        "t1"."end_date" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a3",
  COUNT(*) FILTER(WHERE
    (
      "t1"."notice_type" = 'false_registration'
    )
    AND (
      "t1"."result" = 'confirmed'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2020, 6, 30)
    )) AS "a4",
  COUNT(*) FILTER(WHERE
    (
      "t1"."notice_type" = 'registration_voided'
    )
    AND (
      "t1"."event_date" > MAKE_DATE(2020, 6, 30)
    )) AS "a5",
  COUNT(*) FILTER(WHERE
    (
      "t1"."notice_type" = 'false_registration'
    )
    AND (
      "t1"."result" = 'confirmed'
    )) AS "a6",
  COUNT(*) FILTER(WHERE
    "t1"."notice_type" = 'registration_voided') AS "a7"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."notice_type",
    "t0"."end_date",
    "t0"."closed_date",
    "t0"."result",
    "t0"."start_date"
  FROM "notice" AS "t0"
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
