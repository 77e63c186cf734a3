"""The console: five screens over the journal. It reads, and leaves requests; it never moves a job itself.

``app`` puts it together: header, tabs, footer, and the places behind the keys ``1`` to ``5``. ``page`` is what every
one of them is, ``host`` what they know of the console, ``view`` the single reader of the journal. ``look`` is how all
is drawn, ``columns`` how lists are, ``words`` how it is said. ``dialogs`` asks before anything is spent.
"""
