"""What can keep the local stack from running, said so that the reader knows what to do about it."""


class StackError(Exception):
    """The stack cannot start or go on. The message is for a person: what is wrong, and what to do."""


class TemplateError(StackError):
    """`template.yaml` says something that the local stack cannot carry out."""
