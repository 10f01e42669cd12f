-- The one attempt of an answer is a number as well where it has the provider's identity of the answer,
-- which its row names: `=412`. No table changes, but earlier versions cannot read such rows, and refuse
-- a database that has this step.
SELECT 1;
