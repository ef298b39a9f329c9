// Multiplies from a file: each case is one tile of one multiplier, a weight and an activation per step.
//
//   +steps=FILE   STEPS words, hexadecimal: first (1 bit), weight (32), activation (16), the first highest
//   +log=FILE     per step the cycles that it took and the sum after it
`timescale 1ns / 1ps
module tb_booth_mac #(
    parameter STEPS = 1,
    parameter WEIGHT = 17,
    parameter SUM = 40
);
    reg [48:0] steps [0:STEPS-1];
    reg clk = 0, enable = 0;
    integer place = 0, took = 0, log;
    reg [8*256-1:0] name;
    wire [48:0] step = steps[place < STEPS ? place : 0];
    wire last;
    wire signed [SUM-1:0] sum;
    booth_mac #(.WEIGHT(WEIGHT), .SUM(SUM)) mac (
        .clk(clk), .wipe(!enable), .enable(enable), .first(step[48] && took == 0), .next(last),
        .activation(step[8:0]), .weight(step[16 +: WEIGHT]), .last(last), .sum(sum)
    );

    initial begin
        if (!$value$plusargs("steps=%s", name)) $finish;
        $readmemh(name, steps);
        if (!$value$plusargs("log=%s", name)) $finish;
        log = $fopen(name, "w");
        #5 clk = 1;
        #5 clk = 0;
        enable = 1;
        while (place < STEPS) begin
            #5 clk = 1;
            #1 if (ended) begin
                $fdisplay(log, "%0d %0d", took + 1, sum);
                place = place + 1;
                took = 0;
            end else took = took + 1;
            #4 clk = 0;
        end
        $finish;
    end
    reg ended = 0;
    always @(posedge clk) ended <= enable && last;
endmodule
