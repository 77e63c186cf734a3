"""Watch folders: from a file that lands in a folder to a job in the journal, and its way out of the folder afterwards.

``rules`` owns what a rule is, ``marker`` whether a folder is the one that was watched, ``scanning`` which files are new
and settled, ``waking`` the notice that something changed, ``offers`` what a rule's workflow costs, ``taking`` the step
from files to jobs, ``postprocess`` what becomes of a file whose job has ended, ``why`` the answer to "why was this not
taken", and ``watcher`` the loop. The state of rules is in ``artui.journal.rules``, what they have seen in
``artui.journal.seen``.

Who runs a watcher: it shares process and journal with the engine, which carries out what a person decides about a rule;
``service`` adds to it what only a watcher can: to look at a folder now, and to read the rules again.
"""
