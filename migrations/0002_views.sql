-- Views for people. docs/schema.md describes them.

-- Which wrong answers each problem got, the most frequent first.
CREATE VIEW mistakes AS
WITH counted AS (
    SELECT run, problem, canonical, verdict, count(*) AS times, min(answer) AS answer,
           min(step) AS first_step, max(step) AS last_step, max(version) AS weight_version
    FROM rollouts
    WHERE verdict IN ('wrong', 'no_answer', 'unparsed')
    GROUP BY run, problem, canonical, verdict
)
SELECT runs.name AS run, counted.problem, counted.times, counted.verdict,
       coalesce(counted.answer, '(none)') AS wrong_answer, problems.answer AS right_answer,
       counted.first_step, counted.last_step, counted.weight_version,
       problems.text AS problem_text,
       -- An example: the latest response that gave it.
       (SELECT responses.text
        FROM rollouts AS example
        JOIN responses
          ON responses.run = example.run AND responses.step = example.step
         AND responses.problem = example.problem AND responses.trial = example.trial
         AND responses.position = example.position
        WHERE example.run = counted.run AND example.step = counted.last_step
          AND example.problem = counted.problem AND example.canonical IS counted.canonical
          AND example.verdict = counted.verdict
        ORDER BY example.trial, example.position LIMIT 1) AS response
FROM counted
JOIN runs ON runs.id = counted.run
JOIN problems
  ON problems.run = counted.run AND problems.split = 'train' AND problems.id = counted.problem
ORDER BY counted.times DESC, counted.run, counted.problem, counted.canonical, counted.verdict;

-- Problems that were tried and never solved, hints included; the most tried first.
CREATE VIEW unsolved_problems AS
SELECT runs.name AS run, rollouts.problem, count(*) AS tries,
       count(DISTINCT rollouts.canonical) AS distinct_answers,
       min(rollouts.step) AS first_step, max(rollouts.step) AS last_step,
       problems.answer AS right_answer, problems.text AS problem_text
FROM rollouts
JOIN runs ON runs.id = rollouts.run
JOIN problems
  ON problems.run = rollouts.run AND problems.split = 'train' AND problems.id = rollouts.problem
WHERE rollouts.verdict <> 'timeout'
GROUP BY rollouts.run, rollouts.problem
HAVING sum(rollouts.verdict = 'correct') = 0
ORDER BY tries DESC, rollouts.run, rollouts.problem;

-- Correct responses to a hinted prompt that took the place of a failure.
CREATE VIEW rescues AS
SELECT runs.name AS run, replacements.step, replacements.problem, hints.kind,
       hints.answers AS warned_of, failed.answer AS replaced_answer,
       problems.answer AS right_answer, problems.text AS problem_text,
       responses.text AS response
FROM replacements
JOIN runs ON runs.id = replacements.run
JOIN hints
  ON hints.run = replacements.run AND hints.step = replacements.step
 AND hints.problem = replacements.problem
JOIN problems
  ON problems.run = replacements.run AND problems.split = 'train'
 AND problems.id = replacements.problem
JOIN rollouts AS failed
  ON failed.run = replacements.run AND failed.step = replacements.step
 AND failed.problem = replacements.problem AND failed.trial = 'first'
 AND failed.position = replacements.failure
JOIN responses
  ON responses.run = replacements.run AND responses.step = replacements.step
 AND responses.problem = replacements.problem AND responses.trial = 'second'
 AND responses.position = replacements.extra
ORDER BY replacements.run, replacements.step, replacements.problem, replacements.failure;

-- One row a committed step.
CREATE VIEW step_summary AS
SELECT runs.name AS run, steps.step,
       max(value) FILTER (WHERE metrics.name = 'none_pass') AS none_pass,
       max(value) FILTER (WHERE metrics.name = 'some_pass') AS some_pass,
       max(value) FILTER (WHERE metrics.name = 'all_pass') AS all_pass,
       max(value) FILTER (WHERE metrics.name = 'hinted_problems') AS hinted,
       max(value) FILTER (WHERE metrics.name = 'rescued_problems') AS rescued,
       max(value) FILTER (WHERE metrics.name = 'none_pass_after') AS none_pass_after,
       max(value) FILTER (WHERE metrics.name = 'first_trial_pass_rate') AS pass_rate,
       max(value) FILTER (WHERE metrics.name = 'first_trial_truncation_rate') AS truncation_rate,
       max(value) FILTER (WHERE metrics.name = 'first_trial_response_tokens') AS response_tokens,
       max(value) FILTER (WHERE metrics.name = 'entropy') AS entropy,
       max(value) FILTER (WHERE metrics.name = 'loss') AS loss,
       max(value) FILTER (WHERE metrics.name = 'grad_norm') AS grad_norm,
       sum(value) FILTER (WHERE metrics.name LIKE '%\_seconds' ESCAPE '\') AS seconds
FROM steps
JOIN runs ON runs.id = steps.run
LEFT JOIN step_metrics AS metrics ON metrics.run = steps.run AND metrics.step = steps.step
WHERE steps.committed_at IS NOT NULL
GROUP BY steps.run, steps.step
ORDER BY steps.run, steps.step;

-- How each problem fared, step by step.
CREATE VIEW problem_history AS
SELECT runs.name AS run, groups.problem, groups.step, groups.before, groups.after,
       sum(rollouts.trial = 'first' AND rollouts.verdict = 'correct') AS correct,
       sum(rollouts.trial = 'first') AS tries, hints.kind AS hint,
       sum(rollouts.trial = 'second' AND rollouts.verdict = 'correct') AS hinted_correct,
       sum(rollouts.trial = 'second') AS hinted_tries
FROM groups
JOIN runs ON runs.id = groups.run
LEFT JOIN rollouts
  ON rollouts.run = groups.run AND rollouts.step = groups.step
 AND rollouts.problem = groups.problem
LEFT JOIN hints
  ON hints.run = groups.run AND hints.step = groups.step AND hints.problem = groups.problem
GROUP BY groups.run, groups.problem, groups.step
ORDER BY groups.run, groups.problem, groups.step;
