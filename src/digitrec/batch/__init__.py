"""Reading thousands of pictures: from folders, archives and lists, by all cores or a cluster, into one file."""
