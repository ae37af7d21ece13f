namespace Marrow.Language;

/// <summary>An instruction with the response to learn.</summary>
/// <param name="Question">The instruction.</param>
/// <param name="Response">The response, worked steps included.</param>
/// <param name="Input">What the instruction is about, if that stands apart (Alpaca); empty otherwise.</param>
/// <param name="Kind">What kind of problem it is, if the file says so; empty otherwise.</param>
public sealed record Instruction(string Question, string Response, string Input = "", string Kind = "")
{
    /// <summary>Where it was read, file and line, for messages; null if nowhere. No part of equality.</summary>
    public string? Source { get; init; }

    /// <inheritdoc/>
    public bool Equals(Instruction? other) =>
        other is not null
        && (Question, Response, Input, Kind) == (other.Question, other.Response, other.Input, other.Kind);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Question, Response, Input, Kind);
}
