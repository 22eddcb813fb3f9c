-- Views for people: short columns first, long texts last. docs/schema.md describes them.
--
-- CROSS JOIN has SQLite take the tables in the order written: what is counted or already sorted
-- first, then its texts, so that a LIMIT is quick on a large log.

-- Every failed rollout of training, hinted ones included. A time-out of the grader is no failure.
CREATE VIEW failures AS
SELECT runs.name AS run, rollouts.step, rollouts.problem, rollouts.trial, rollouts.position,
       rollouts.verdict,
       coalesce(rollouts.answer, iif(rollouts.finish = 'length', '(cut off)', '(none)'))
           AS wrong_answer,
       problems.answer AS right_answer, rollouts.version AS weight_version,
       rollouts.canonical, problems.text AS problem_text, responses.text AS response
FROM rollouts
JOIN runs ON runs.id = rollouts.run
JOIN problems
  ON problems.run = rollouts.run AND problems.split = 'train' AND problems.id = rollouts.problem
JOIN responses
  ON responses.run = rollouts.run AND responses.step = rollouts.step
 AND responses.problem = rollouts.problem AND responses.trial = rollouts.trial
 AND responses.position = rollouts.position
WHERE rollouts.verdict IN ('wrong', 'no_answer', 'unparsed')
ORDER BY rollouts.run, rollouts.step, rollouts.problem, rollouts.trial, rollouts.position;

-- Which wrong answers each problem got, the most frequent first. Equal answers count as one,
-- however they are written.
CREATE VIEW mistakes AS
WITH counted AS (
    SELECT run, problem, verdict, canonical, finish, count(*) AS times, min(answer) AS answer,
           min(step) AS first_step, max(step) AS last_step, max(version) AS weight_version
    FROM rollouts
    WHERE verdict IN ('wrong', 'no_answer', 'unparsed')
    GROUP BY run, problem, verdict, canonical, finish
)
SELECT runs.name AS run, counted.problem, counted.times, counted.verdict,
       coalesce(counted.answer, iif(counted.finish = 'length', '(cut off)', '(none)'))
           AS wrong_answer,
       problems.answer AS right_answer, counted.first_step, counted.last_step,
       counted.weight_version, problems.text AS problem_text,
       -- An example, of the last step that has one.
       (SELECT responses.text
        FROM rollouts AS example
        JOIN responses
          ON responses.run = example.run AND responses.step = example.step
         AND responses.problem = example.problem AND responses.trial = example.trial
         AND responses.position = example.position
        WHERE example.run = counted.run AND example.step = counted.last_step
          AND example.problem = counted.problem AND example.verdict = counted.verdict
          AND example.canonical IS counted.canonical AND example.finish = counted.finish
        ORDER BY example.trial, example.position LIMIT 1) AS response
FROM counted
CROSS JOIN runs ON runs.id = counted.run
CROSS JOIN problems
  ON problems.run = counted.run AND problems.split = 'train' AND problems.id = counted.problem
ORDER BY counted.times DESC, counted.run, counted.problem, counted.verdict DESC,
         counted.canonical, counted.finish;

-- Problems that were tried and never solved, hints included; the most tried first.
CREATE VIEW unsolved_problems AS
WITH counted AS (
    SELECT run, problem, count(*) AS tries, count(DISTINCT canonical) AS distinct_answers,
           min(step) AS first_step, max(step) AS last_step
    FROM rollouts
    WHERE verdict <> 'timeout'
    GROUP BY run, problem
    HAVING sum(verdict = 'correct') = 0
)
SELECT runs.name AS run, counted.problem, counted.tries, counted.distinct_answers,
       counted.first_step, counted.last_step, problems.answer AS right_answer,
       problems.text AS problem_text
FROM counted
CROSS JOIN runs ON runs.id = counted.run
CROSS JOIN problems
  ON problems.run = counted.run AND problems.split = 'train' AND problems.id = counted.problem
ORDER BY counted.tries DESC, counted.run, counted.problem;

-- Correct extra rollouts that took the place of a failure.
CREATE VIEW rescues AS
SELECT runs.name AS run, replacements.step, replacements.problem, hints.kind,
       hints.answers AS listed_answers,
       coalesce(failed.answer, iif(failed.finish = 'length', '(cut off)', '(none)'))
           AS replaced_answer,
       problems.answer AS right_answer, problems.text AS problem_text, responses.text AS response
FROM replacements
CROSS JOIN runs ON runs.id = replacements.run
CROSS JOIN hints
  ON hints.run = replacements.run AND hints.step = replacements.step
 AND hints.problem = replacements.problem
CROSS JOIN problems
  ON problems.run = replacements.run AND problems.split = 'train'
 AND problems.id = replacements.problem
CROSS JOIN rollouts AS failed
  ON failed.run = replacements.run AND failed.step = replacements.step
 AND failed.problem = replacements.problem AND failed.trial = 'first'
 AND failed.position = replacements.failure
CROSS JOIN responses
  ON responses.run = replacements.run AND responses.step = replacements.step
 AND responses.problem = replacements.problem AND responses.trial = 'second'
 AND responses.position = replacements.extra
ORDER BY replacements.run, replacements.step, replacements.problem, replacements.failure;

-- One row a committed step. `step_metrics` has the same numbers in full, and more of them.
CREATE VIEW step_summary AS
WITH metric AS (
    SELECT steps.run, steps.step, step_metrics.name, step_metrics.value
    FROM steps
    LEFT JOIN step_metrics
      ON step_metrics.run = steps.run AND step_metrics.step = steps.step
    WHERE steps.committed_at IS NOT NULL
)
SELECT runs.name AS run, metric.step,
       CAST(max(value) FILTER (WHERE metric.name = 'none_pass') AS INTEGER) AS none_pass,
       CAST(max(value) FILTER (WHERE metric.name = 'some_pass') AS INTEGER) AS some_pass,
       CAST(max(value) FILTER (WHERE metric.name = 'all_pass') AS INTEGER) AS all_pass,
       CAST(max(value) FILTER (WHERE metric.name = 'hinted_problems') AS INTEGER) AS hinted,
       CAST(max(value) FILTER (WHERE metric.name = 'rescued_problems') AS INTEGER) AS rescued,
       CAST(max(value) FILTER (WHERE metric.name = 'none_pass_after') AS INTEGER)
           AS none_pass_after,
       CAST(max(value) FILTER (WHERE metric.name = 'some_pass_after') AS INTEGER)
           AS some_pass_after,
       CAST(max(value) FILTER (WHERE metric.name = 'all_pass_after') AS INTEGER)
           AS all_pass_after,
       round(max(value) FILTER (WHERE metric.name = 'first_trial_pass_rate'), 4) AS pass_rate,
       round(max(value) FILTER (WHERE metric.name = 'second_trial_pass_rate'), 4)
           AS hinted_pass_rate,
       round(max(value) FILTER (WHERE metric.name = 'first_trial_truncation_rate'), 4)
           AS truncation_rate,
       round(max(value) FILTER (WHERE metric.name = 'first_trial_response_tokens'), 1)
           AS response_tokens,
       CAST(sum(value) FILTER (WHERE metric.name IN ('first_trial_tokens', 'second_trial_tokens'))
           AS INTEGER) AS sampled_tokens,
       round(max(value) FILTER (WHERE metric.name = 'entropy'), 4) AS entropy,
       round(max(value) FILTER (WHERE metric.name = 'loss'), 6) AS loss,
       round(max(value) FILTER (WHERE metric.name = 'grad_norm'), 4) AS grad_norm,
       round(sum(value) FILTER (WHERE metric.name LIKE '%\_seconds' ESCAPE '\'), 2) AS seconds
FROM metric
JOIN runs ON runs.id = metric.run
GROUP BY metric.run, metric.step
ORDER BY metric.run, metric.step;

-- How each problem fared, step by step. Time-outs of the grader are no tries.
CREATE VIEW problem_history AS
SELECT runs.name AS run, groups.problem, groups.step, groups.before, groups.after,
       count(*) FILTER (WHERE rollouts.trial = 'first' AND rollouts.verdict = 'correct')
           AS correct,
       count(*) FILTER (WHERE rollouts.trial = 'first') AS tries,
       hints.kind AS hint,
       count(*) FILTER (WHERE rollouts.trial = 'second' AND rollouts.verdict = 'correct')
           AS hinted_correct,
       count(*) FILTER (WHERE rollouts.trial = 'second') AS hinted_tries
FROM groups
JOIN runs ON runs.id = groups.run
LEFT JOIN rollouts
  ON rollouts.run = groups.run AND rollouts.step = groups.step
 AND rollouts.problem = groups.problem AND rollouts.verdict <> 'timeout'
LEFT JOIN hints
  ON hints.run = groups.run AND hints.step = groups.step AND hints.problem = groups.problem
GROUP BY groups.run, groups.problem, groups.step
ORDER BY groups.run, groups.problem, groups.step;
