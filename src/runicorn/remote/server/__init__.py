"""The other machine: its shell, what is found there, its files, and a viewer started in it."""
