"""SmartDeal's rule, its loops and its Verilog on the same tiles: cycles of jobs, bits of outputs."""
