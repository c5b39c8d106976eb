SELECT
  "t1"."entity",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'food_production'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a0",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'food_operation'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a1",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'drug_operation'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a2",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'device_operation'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a3",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'special_equipment_production'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a4",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'industrial_product'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a5",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'hazardous_chemicals'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a6",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'road_transport'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a7",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'medical_institution'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a8",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      "t1"."licence_type" = 'human_resources'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a9",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('grant', 'change', 'renew')
    AND (
      DATE_DIFF('DAY', "t1"."valid_to", MAKE_DATE(2025, 6, 30)) > -1
    )) AS "a10",
  COUNT(*) FILTER(WHERE
    "t1"."last_event" IN ('withdraw', 'annul', 'revoke', 'cancel_ex_officio')
    AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a11",
  COUNT(*) FILTER(WHERE
    "t1"."licence_type" IN ('food_production', 'food_operation', 'small_food_workshop')
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a12",
  COUNT(*) FILTER(WHERE
    "t1"."licence_type" IN ('food_production', 'food_operation', 'small_food_workshop')
    AND (
      "t1"."licence_type" = 'food_production'
    )
    AND (
      "t1"."valid_from" <= MAKE_DATE(2025, 6, 30)
    )
    AND (
      (
        "t1"."valid_to" IS NULL
      ) OR (
        "t1"."valid_to" > MAKE_DATE(2025, 6, 30)
      )
    )) AS "a13",
  COUNT(*) FILTER(WHERE
    "t1"."licence_type" IN ('food_production', 'food_operation', 'small_food_workshop')
    AND "t1"."last_event" IN ('suspend', 'withdraw', 'annul', 'revoke', 'cancel_ex_officio')
    AND (
      "t1"."event_date" > MAKE_DATE(2022, 6, 30)
    )) AS "a14"
FROM (
  SELECT
    "t0"."entity",
    "t0"."known_at",
    "t0"."superseded_at",
    "t0"."event_date",
    "t0"."withdrawn_date",
    "t0"."repair_date",
    "t0"."last_event",
    "t0"."licence_type",
    "t0"."valid_from",
    "t0"."valid_to"
  FROM "licence" AS "t0"
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
