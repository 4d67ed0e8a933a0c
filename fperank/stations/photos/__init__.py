"""Photo files of a folder or of a bucket, and the times that they were taken.

From outside take `sets.open_photo_set`. Imports `base`, `own_folder`, `csv_files`; remote and `fpe`
only where a bucket or an image set is asked for.
"""
