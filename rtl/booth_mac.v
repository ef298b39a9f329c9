// A bit-serial multiply-accumulate unit (paper V-B): one non-zero radix-4 Booth digit of the
// activation per cycle.
//
// The activation stands still while its digits are worked off, lowest first; `done` marks those that
// have been. `last` tells that at most one digit is left, so a unit whose activation is 0 says it at
// once. `next` ends the step in all units of a line together, for they share the weight.
module booth_mac #(
    parameter WEIGHT = 17,  // bits of a weight, signed
    parameter SUM = 40      // bits of the partial sum, signed
) (
    input  wire                     clk,
    input  wire                     wipe,    // no job has come since the last tile: the sum is 0
    input  wire                     enable,  // a job is under way
    input  wire                     first,   // the first step of a tile: the sum starts from 0
    input  wire                     next,    // the step ends with this cycle
    input  wire signed [8:0]        activation,  // int8 or uint8
    input  wire signed [WEIGHT-1:0] weight,
    output wire                     last,
    output reg  signed [SUM-1:0]    sum
);
    // Booth recoding: digit i is b[2i-1] + b[2i] - 2 b[2i+1], b[-1] = 0, in -2 .. 2.
    wire [10:0] bits = {activation[8], activation, 1'b0};
    reg  [4:0]  done;
    wire [4:0]  nonzero;
    genvar i;
    generate
        for (i = 0; i < 5; i = i + 1) begin : digit
            assign nonzero[i] = (bits[2*i +: 3] != 3'b000) && (bits[2*i +: 3] != 3'b111);
        end
    endgenerate
    wire [4:0] left = nonzero & ~done;
    wire [4:0] chosen = left & (~left + 5'd1);  // the lowest bit that is set
    assign last = (left & (left - 5'd1)) == 5'd0;

    // The magnitude of the chosen digit times the weight, at the digit's place.
    function signed [SUM-1:0] product(
        input [10:0] digits, input [4:0] place, input signed [WEIGHT-1:0] factor
    );
        reg [2:0] code;
        reg signed [WEIGHT:0] multiple;
        reg signed [SUM-1:0] wide;
        begin
            code = {3{place[0]}} & digits[2:0] | {3{place[1]}} & digits[4:2]
                | {3{place[2]}} & digits[6:4] | {3{place[3]}} & digits[8:6]
                | {3{place[4]}} & digits[10:8];
            if (code == 3'b000 || code == 3'b111) multiple = 0;
            else if (code == 3'b011 || code == 3'b100) multiple = {factor, 1'b0};
            else multiple = {factor[WEIGHT-1], factor};
            wide = multiple;
            if (place[1]) wide = wide <<< 2;
            if (place[2]) wide = wide <<< 4;
            if (place[3]) wide = wide <<< 6;
            if (place[4]) wide = wide <<< 8;
            product = wide;
        end
    endfunction

    wire negative = |(chosen & {bits[10], bits[8], bits[6], bits[4], bits[2]});
    wire signed [SUM-1:0] before = first ? {SUM{1'b0}} : sum;

    // A step leaves no digit behind, so `done` is 0 whenever a job begins.
    always @(posedge clk)
        if (enable) begin
            sum <= negative ? before - product(bits, chosen, weight)
                : before + product(bits, chosen, weight);
            done <= next ? 5'd0 : done | chosen;
        end else if (wipe) begin
            sum <= {SUM{1'b0}};
            done <= 5'd0;
        end
endmodule
