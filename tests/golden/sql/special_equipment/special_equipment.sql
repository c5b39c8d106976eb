SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    (
      "t1"."use_state" = 'in_use'
    )
    AND (
      DATE_DIFF('DAY', "t1"."next_inspection", MAKE_DATE(2025, 6, 30)) > 0
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    "t1"."use_state" = 'in_use') AS "a1",
  COUNT(*) FILTER(WHERE
    (
      "t1"."use_state" = 'in_use'
    )
    AND "t1"."equipment_type" IN ('boiler', 'pressure_vessel', 'pressure_piping')) AS "a2",
  COUNT(*) FILTER(WHERE
    (
      "t1"."use_state" = 'in_use'
    )
    AND "t1"."equipment_type" IN ('elevator', 'ropeway', 'amusement')) AS "a3",
  COUNT(*) FILTER(WHERE
    (
      "t1"."use_state" = 'in_use'
    )
    AND (
      DATE_DIFF('DAY', "t1"."next_inspection", MAKE_DATE(2025, 6, 30)) < 1
    )
    AND (
      DATE_DIFF('DAY', "t1"."next_inspection", MAKE_DATE(2025, 6, 30)) > -60
    )) AS "a4"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."use_state",
    "t0"."next_inspection",
    "t0"."equipment_type"
  FROM "special_equipment" AS "t0"
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
    AND "t0"."use_state" = 'in_use'
) AS "t1"
GROUP BY
  1
