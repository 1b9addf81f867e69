-- The newest links that a node has told with its heartbeats (links.py), as msgpack.
ALTER TABLE node ADD COLUMN links {bytes};
