"""What other libraries call while they train: one file for each library, which only that file imports.

Each records into the current run, or opens one where there is none. Nothing here is loaded by `import runicorn`.
"""
