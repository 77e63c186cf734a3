"""The console: five screens over the journal. It reads, and leaves requests; it never moves a job itself.

``app`` puts it together: header, tabs, footer, and the places behind the keys ``1`` to ``5``. ``page`` is what every
one of them is, ``view`` the single reader of the journal, ``look`` how all is drawn, ``words`` how it is said.
``dialogs`` asks before anything is spent.
"""
