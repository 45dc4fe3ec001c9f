-- Profile of events
SELECT
  SUM(
    CAST((
      `t7`.`at` IS NULL
    )
    OR (
      `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
    ) AS BIGINT)
  ) AS `rows`,
  SUM(CAST(`t7`.`at` > CAST('2024-12-01T00:00:00' AS TIMESTAMP) AS BIGINT)) AS `later`,
  DATE_FORMAT(
    MIN(
      IF(
        (
          `t7`.`at` > CAST('2000-01-01T00:00:00' AS TIMESTAMP)
        )
        AND (
          `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
        ),
        `t7`.`at`,
        NULL
      )
    ),
    'yyyy-MM-dd HH:mm:ss'
  ) AS `oldest`,
  DATE_FORMAT(
    MAX(
      IF(
        (
          `t7`.`at` > CAST('2000-01-01T00:00:00' AS TIMESTAMP)
        )
        AND (
          `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
        ),
        `t7`.`at`,
        NULL
      )
    ),
    'yyyy-MM-dd HH:mm:ss'
  ) AS `newest`,
  SUM(
    CAST((
      `t7`.`at` > CAST('2024-11-24T00:00:00' AS TIMESTAMP)
    )
    AND (
      `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
    ) AS BIGINT)
  ) AS `week_0`,
  SUM(
    CAST((
      `t7`.`at` > CAST('2024-11-17T00:00:00' AS TIMESTAMP)
    )
    AND (
      `t7`.`at` <= CAST('2024-11-24T00:00:00' AS TIMESTAMP)
    ) AS BIGINT)
  ) AS `week_1`,
  SUM(
    CAST((
      `t7`.`at` > CAST('2024-11-10T00:00:00' AS TIMESTAMP)
    )
    AND (
      `t7`.`at` <= CAST('2024-11-17T00:00:00' AS TIMESTAMP)
    ) AS BIGINT)
  ) AS `week_2`,
  SUM(
    CAST((
      `t7`.`at` > CAST('2024-11-03T00:00:00' AS TIMESTAMP)
    )
    AND (
      `t7`.`at` <= CAST('2024-11-10T00:00:00' AS TIMESTAMP)
    ) AS BIGINT)
  ) AS `week_3`,
  SUM(
    CAST((
      `t7`.`at` > CAST('2024-10-27T00:00:00' AS TIMESTAMP)
    )
    AND (
      `t7`.`at` <= CAST('2024-11-03T00:00:00' AS TIMESTAMP)
    ) AS BIGINT)
  ) AS `week_4`,
  SUM(
    CAST((
      (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
      )
    )
    AND (
      `t7`.`account` IS NULL
    ) AS BIGINT)
  ) AS `missing_account`,
  SUM(
    CAST((
      (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
      )
    )
    AND (
      `t7`.`at` IS NULL
    ) AS BIGINT)
  ) AS `missing_at`,
  SUM(
    CAST((
      (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
      )
    )
    AND (
      `t7`.`event` IS NULL
    ) AS BIGINT)
  ) AS `missing_event`,
  SUM(
    CAST((
      (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
      )
    )
    AND (
      `t7`.`id` IS NULL
    ) AS BIGINT)
  ) AS `missing_id`,
  SUM(
    CAST((
      (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
      )
    )
    AND (
      (
        `t7`.`account` IS NULL
      )
      OR (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`event` IS NULL
      )
      OR (
        `t7`.`id` IS NULL
      )
    ) AS BIGINT)
  ) AS `nulls`,
  SUM(CAST(`t7`.`at` > CAST('2024-12-02T00:00:00' AS TIMESTAMP) AS BIGINT)) AS `future`,
  SUM(
    CAST((
      `t7`.`at` < CAST('2000-01-01T00:00:00' AS TIMESTAMP)
    )
    OR COALESCE(
      (
        (
          `t7`.`at` IS NULL
        )
        OR (
          `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
        )
      )
      AND (
        CAST(`t7`.`at` AS DATE) < CAST(`t7`.`listed_since` AS DATE)
      ),
      FALSE
    ) AS BIGINT)
  ) AS `before_start`,
  SUM(
    CAST((
      (
        `t7`.`at` IS NULL
      )
      OR (
        `t7`.`at` <= CAST('2024-12-01T00:00:00' AS TIMESTAMP)
      )
    )
    AND (
      `t7`.`account` IS NOT NULL
    )
    AND (
      `t7`.`listed_account` IS NULL
    ) AS BIGINT)
  ) AS `orphan_accounts`
FROM (
  SELECT
    `t4`.`account`,
    `t4`.`at`,
    `t4`.`event`,
    `t4`.`id`,
    `t4`.`colour`,
    `t4`.`size`,
    `t4`.`friend`,
    `t6`.`listed_account`,
    `t6`.`listed_since`
  FROM (
    SELECT
      `t0`.`account`,
      `t0`.`at`,
      `t0`.`event`,
      `t0`.`id`,
      `t0`.`colour`,
      `t0`.`size`,
      `t0`.`friend`
    FROM `source_events` AS `t0`
  ) AS `t4`
  LEFT OUTER JOIN (
    SELECT
      `t3`.`account` AS `listed_account`,
      MIN(`t3`.`signed_up_at`) AS `listed_since`
    FROM (
      SELECT
        `t1`.`account`,
        `t1`.`signed_up_at`,
        `t1`.`plan`
      FROM `source_accounts` AS `t1`
    ) AS `t3`
    GROUP BY
      1
  ) AS `t6`
    ON `t4`.`account` = `t6`.`listed_account`
) AS `t7`
