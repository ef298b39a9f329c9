// Runs tiles from the file +tiles=: a line `pixels taps channels wait`, then a line `activations
// weights` (hex) for each step. Operands are there in every `wait`-th cycle. Prints `valid cycle
// result` for each output, with cycles counted from the first busy one, then `tile steps`.
`timescale 1ns / 1ps
module tb_diannao_column;
    parameter INPUTS = 16;
    reg clk = 0, reset = 1, start = 0;
    reg [15:0] pixels, taps, channels;
    reg [INPUTS*9-1:0] activations;
    reg [INPUTS*8-1:0] weights;
    wire take, busy, valid;
    wire signed [23:0] result;
    integer file, found, wait_cycles, cycle, steps, waited;
    reg [8*256-1:0] name;
    wire ready = waited + 1 == wait_cycles;

    wire first, last;
    wire [INPUTS-1:0] lanes;
    diannao_sequencer #(INPUTS) sequencer (
        clk, reset, start, pixels, taps, channels, ready, take, first, last, lanes, busy
    );
    diannao_column #(INPUTS) column (
        clk, reset, take, first, last, lanes, activations, weights, valid, result
    );
    always #5 clk = !clk;

    always @(posedge clk) cycle <= start && !busy ? 0 : cycle + 1;
    always @(negedge clk) if (valid) $display("valid %0d %0d", cycle, result);

    initial begin
        waited = 0;
        wait_cycles = 1;
        found = $value$plusargs("tiles=%s", name);
        file = $fopen(name, "r");
        repeat (2) @(negedge clk);
        reset = 0;
        while ($fscanf(file, "%d %d %d %d\n", pixels, taps, channels, wait_cycles) == 4) begin
            steps = 0;
            waited = 0;
            start = 1;
            found = $fscanf(file, "%h %h\n", activations, weights);
            @(negedge clk);
            start = 0;
            #1;
            while (busy) begin
                if (take) begin
                    @(posedge clk);
                    #1 steps = steps + 1;
                    waited = 0;
                    if (busy) found = $fscanf(file, "%h %h\n", activations, weights);
                    @(negedge clk);
                end else begin
                    @(posedge clk);
                    #1 waited = waited + 1;
                    @(negedge clk);
                end
            end
            repeat (3) @(negedge clk);
            $display("tile %0d", steps);
        end
        $finish;
    end
endmodule
