"""The guard against its peers: edge in to output out, in one run under one load."""
